#!/usr/bin/env bats
# import: options that can't be meant as they are given are refused in one line that names them.
load helpers
load tar

@test 'options that leave nothing of an archive are refused by name' {
  mkdir -p tree/etc tree/usr
  echo hello >tree/etc/motd
  tar -cf t.tar -C tree .
  refused t.tar '--strip-components 99 leaves nothing of its ' --strip-components 99
  refused t.tar '--exclude * leaves nothing of its ' --exclude '*'
  refused tree '--exclude a* --exclude * leaves nothing of its ' --exclude 'a*' --exclude '*'
  refused t.tar '--exclude etc and --strip-components 99 leave nothing of its ' --exclude etc --strip-components 99
  # One that is empty itself.
  mkdir empty
  tar -cf empty.tar -C empty .
  import_ok empty.tar --strip-components 1 --exclude '*'
  assert_equal "$(ls -A "$root")" ''
}
