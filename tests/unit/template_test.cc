// Templates of --format (rocker-image/template/). What is expected is what docker and podman print for the
// same.
#include <criterion/criterion.h>

#include "rocker-image/template/rows.hh"
#include "rocker-image/template/template.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

using namespace rocker;

namespace {

constexpr const char* document = R"({
  "Id": "0123", "Name": "web", "Pid": 7, "Size": 1048576, "Running": true, "Dead": false, "Ratio": 2.5,
  "State": {"Status": "running", "Error": ""},
  "Config": {"Labels": {"org.app/x": "one", "a.b": "two"}, "Env": ["A=1", "B=2"], "Cmd": [], "Volumes": null, "Binds": null},
  "Mounts": [{"Source": "/s1", "RW": true}, {"Source": "/s2", "RW": false}],
  "Networks": {"zeta": {"IPAddress": ""}, "alpha": {"IPAddress": "10.0.0.1"}}})";

std::string rendered(std::string_view text) {
  const auto json = json::Document::parse(document, "test");
  return Template(text, {{"Health"},
                         {"Binds", templates::Nothing::list, false},
                         {"Ports", templates::Nothing::map},
                         {"Limit", templates::Nothing::pointer}})
      .render(json.root());
}

void expect(std::string_view text, std::string_view wanted) {
  std::string found;
  try {
    found = rendered(text);
  } catch (const Error& error) {
    found = cat("error: ", error.what());
  }
  cr_expect(found == wanted, "%.*s: expected \"%.*s\", got \"%s\"", static_cast<int>(text.size()),
            text.data(), static_cast<int>(wanted.size()), wanted.data(), found.c_str());
}

// The text is refused, and the message has `part` in it.
void expect_refused(std::string_view text, std::string_view part) {
  std::string found = "no error";
  try {
    (void)rendered(text);
  } catch (const Error& error) {
    found = error.what();
  }
  cr_expect(found.find(part) != std::string::npos, "%.*s: expected \"%.*s\" in \"%s\"",
            static_cast<int>(text.size()), text.data(), static_cast<int>(part.size()), part.data(),
            found.c_str());
}

}  // namespace

Test(template, nothing_is_printed_as_what_it_is_nothing_of) {
  expect("{{.Config.Binds}} {{.Ports}} {{.Limit}} {{.Health}}", "[] map[] <nil> <no value>");
  expect("{{json .Config.Binds}} {{json .Ports}} {{json .Limit}}", "null null null");
  expect("{{len .Config.Binds}}{{len .Ports}} {{if .Ports}}some{{else}}none{{end}}", "00 none");
  expect("{{print .Config.Binds}} {{printf \"%v %v\" .Ports .Limit}} {{range .Config.Binds}}x{{end}}",
         "[] map[] <nil> ");
  expect_refused("{{.Config.Bind}}", "no field");
}

Test(template, fields_are_printed_as_go_prints_them) {
  expect("plain", "plain");
  expect("{{.Name}} {{ .State.Status }}", "web running");
  expect("{{.ID}}", "0123");  // the letters' case is Go's, the JSON's is another
  expect("{{.Config.Env}} {{.Config.Cmd}} {{.State}}", "[A=1 B=2] [] map[Error: Status:running]");
  expect("{{.Pid}} {{.Running}} {{.Ratio}}", "7 true 2.5");
  expect("{{$.Name}}{{.State.Error}}", "web");
}

Test(template, what_may_be_missing_is_nothing_and_the_rest_is_an_error) {
  expect("{{json .Health}} {{json .State.Health}} {{json .Config.Volumes}}", "null null null");
  expect("{{.Health}}", "<no value>");
  expect("{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none");
  expect("{{with .Health}}{{.Status}}{{else}}none{{end}}{{range .Health}}x{{end}}{{len .Health}}", "none0");
  expect_refused("{{.State.Health.Status}}", "no field \".State.Health.Status\"");
  expect_refused("{{json .Nothing}}", "there is Config, ");
  expect_refused("{{if .Nothing}}{{end}}", "no field \".Nothing\"");
  expect_refused("{{.Name.First}}", "it is asked of a string");
}

Test(template, json_is_compact) {
  expect("{{json .Config.Labels}}", R"({"org.app/x":"one","a.b":"two"})");
  expect("{{json .Name}} {{json .Pid}} {{json .Running}} {{json .Config.Env}}",
         R"("web" 7 true ["A=1","B=2"])");
  expect("{{json (split .Name \"e\")}}", R"(["w","b"])");
  expect("{{.State | json}}", R"({"Status":"running","Error":""})");
}

Test(template, index_walks_down) {
  expect("{{index .Config.Labels \"a.b\"}}", "two");
  expect("{{index .Config.Labels `org.app/x`}}", "one");
  expect("[{{index .Config.Labels \"no\"}}]", "[]");
  expect("{{(index .Mounts 0).Source}} {{(index .Mounts 1).RW}}", "/s1 false");
  expect("{{index .Networks \"alpha\" \"IPAddress\"}}", "10.0.0.1");
  expect("{{(index (index . \"Mounts\") 1).Source}}", "/s2");
  expect("{{json (index .Networks \"no\")}}", "null");
  expect_refused("{{index .Mounts 2}}", "out of range, the list has 2");
  expect_refused("{{index .Mounts \"x\"}}", "expected an integer, found string x");
  expect_refused("{{index .Name 1}}", "expected a list or an object");
}

Test(template, blocks) {
  expect("{{range .Config.Env}}<{{.}}>{{end}}", "<A=1><B=2>");
  expect("{{range $i, $e := .Config.Env}}{{$i}}:{{$e}} {{end}}", "0:A=1 1:B=2 ");
  expect("{{range $k, $v := .Networks}}{{$k}}={{$v.IPAddress}};{{end}}", "alpha=10.0.0.1;zeta=;");
  expect("{{range .Networks}}{{.IPAddress}}{{end}}", "10.0.0.1");
  expect("{{range .Config.Cmd}}x{{else}}none{{end}}", "none");
  expect("{{range .Mounts}}{{if .RW}}{{.Source}} of {{$.Name}}{{end}}{{end}}", "/s1 of web");
  expect("{{range .Mounts}}{{if not .RW}}{{break}}{{end}}{{.Source}}{{end}}", "/s1");
  expect("{{range .Mounts}}{{if .RW}}{{continue}}{{end}}{{.Source}}{{end}}", "/s2");
  expect("{{if .Dead}}a{{else if eq .Name \"web\"}}b{{else}}c{{end}}", "b");
  expect("{{if and .Running (not .Dead)}}up{{end}}", "up");
  expect("{{with .State}}{{.Status}}{{end}}", "running");
  expect("{{$x := .Name}}{{range .Mounts}}{{$x = .Source}}{{end}}{{$x}}", "/s2");
  expect("a {{- /* nothing */ -}} b", "ab");
  expect("a\n{{- if true }} b {{ end -}}\n c", "a b c");
  expect("{{range $i, $m := .Mounts}}{{if $i}},{{end}}{{$m.Source}}{{end}}", "/s1,/s2");
}

Test(template, functions_of_docker) {
  expect("{{join .Config.Env \",\"}} {{upper .Name}} {{lower \"ABC\"}} {{title \"two words\"}}",
         "A=1,B=2 WEB abc Two Words");
  expect("{{len .Mounts}} {{len .Name}} {{len .Config.Labels}}", "2 3 2");
  expect("{{truncate .Name 2}} {{pad .Name 1 2}}|{{slice .Id 0 2}}", "we  web  |01");
  expect("{{range split \"a b\" \" \"}}{{.}}.{{end}}{{index (split .Id \"\") 3}}", "a.b.3");
  expect("{{println .Name 1}}{{println}}", "web 1\n\n");
  expect("{{print 1 2 \"x\" 3}} {{print .Name .Id}}", "1 2x3 web0123");
  expect("{{.Name | upper | printf \"%s-%s\" .Id}}", "0123-WEB");
  expect("{{eq .Pid 7}} {{eq .Name \"a\" \"web\"}} {{ne .Pid 7}} {{lt .Pid 8}} {{ge .Pid 8}} {{gt .Ratio 2}}",
         "true true false true false true");
  expect("{{or .State.Error \"fine\"}} {{and .Running .Name}} {{or .Name .Nothing}}", "fine web web");
  expect_refused("{{lt .Name 1}}", "string and int can't be compared");
  expect_refused("{{join .Name \",\"}}", "join: expected a list");
  expect_refused("{{len .Pid}}", "len: expected");
  expect_refused("{{index}}", "expected at least 1 argument, found 0");
}

Test(template, printf_is_gos) {
  expect("{{printf \"%s has %d\" .Name .Pid}}", "web has 7");
  expect("{{printf \"%-6s|%6s|%.2s|%q\" .Name .Name .Name .Name}}", "web   |   web|we|\"web\"");
  expect("{{printf \"%05d %x %X %o %b %+d\" .Pid 255 255 8 5 .Pid}}", "00007 ff FF 10 101 +7");
  expect("{{printf \"%v %v %v %t\" .Config.Env .Running .Health .Dead}}", "[A=1 B=2] true <nil> false");
  expect("{{printf \"%.1f %6.2f %%\" .Ratio .Ratio}}", "2.5   2.50 %");
  expect("{{printf \"%q\" .Config.Env}}", "[\"A=1\" \"B=2\"]");
  expect("{{printf \"%d\" .Name}} {{printf \"%s\" .Pid}} {{printf \"%s\"}} {{printf \"x\" 1}}",
         "%!d(string=web) %!s(int=7) %!s(MISSING) x%!(EXTRA int=1)");
  expect_refused("{{printf \"%#v\" .Name}}", "\"%#\" is not supported");
  expect_refused("{{printf \"%\" .Name}}", "stands at the end");
}

Test(template, words_and_literals) {
  expect(R"({{"a\tb\"\\\x41\u00e9"}} {{`\n`}} {{"}}"}} {{'a'}} {{-3}} {{0x10}} {{1.5}} {{true}})",
         "a\tb\"\\A\xc3\xa9 \\n }} 97 -3 16 1.5 true");
  expect(
      "{{0.1}} {{100.25}} {{-0.0001}} {{123456.5}} {{1e6}} {{1.5e-7}} {{12345678.25}} "
      "{{0.30000000000000004}}",
      "0.1 100.25 -0.0001 123456.5 1e+06 1.5e-07 1.234567825e+07 0.30000000000000004");
  expect_refused("{{.Name", "\"{{\" has no \"}}\"");
  expect_refused("{{\"x}}", "a quotation mark is missing");
  expect_refused("{{}}", "an expression is missing");
  expect_refused("{{end}}", "{{end}} without");
  expect_refused("{{if .Name}}x", "{{if}} has no {{end}}");
  expect_refused("{{range .Mounts}}{{else}}{{else}}{{end}}", "two {{else}}");
  expect_refused("{{break}}", "outside of {{range}}");
  expect_refused("{{(len .Name}}", "\"(\" has no \")\"");
  expect_refused("{{nosuch .Name}}", "unknown function \"nosuch\" - there is json, join");
  expect_refused("{{html .Name}}", "\"html\" is not supported");
  expect_refused("{{template \"x\"}}", "{{template}} is not supported");
  expect_refused("{{.Name .Id}}", "\"Name\" takes no argument");
  expect_refused("{{$x}}", "no variable $x");
  expect_refused("{{if true}}{{$x := 1}}{{end}}{{$x}}", "no variable $x");
  expect_refused(cat("{{", std::string(5000, '('), "}}"), "too many parentheses");
}

Test(template, tables) {
  const std::vector<std::string> rows = {R"({"ID":"1","Names":"web","Label":{"a.b-c":"x"},"Ports":""})"};
  const std::vector<Column> columns = {{"CONTAINER ID", "ID"}, {"NAMES", "Names"}};
  const auto expect_rows = [&](std::string_view format, std::string_view wanted) {
    const std::string found = render_rows(format, rows, columns);
    cr_expect(found == wanted, "%.*s: got \"%s\"", static_cast<int>(format.size()), format.data(),
              found.c_str());
  };
  expect_rows("json", rows[0] + "\n");
  expect_rows("table", "CONTAINER ID  NAMES\n1             web\n");
  expect_rows("table {{.Names}}\\t{{upper .ID}}\\t{{.Ports}}",
              "NAMES  CONTAINER ID  PORTS\nweb    1             \n");
  expect_rows("table {{.Label \"a.b-c\"}}\\t{{truncate .Names 2}}", "b c  NAMES\nx    we\n");
  expect_rows("{{.Names}}\\t{{.Label \"a.b-c\"}}{{.Label \"none\"}}", "web\tx\n");
  expect_rows("{{range split \"a\\nb\" \"\\n\"}}{{.}},{{end}}", "a,b,\n");
  for (const char* bad : {"{{.Other}}", "table {{.ID", "{{range .x}}", "{{end}}"}) {
    bool refused = false;
    try {
      (void)render_rows(bad, rows, columns);
    } catch (const Error&) {
      refused = true;
    }
    cr_expect(refused, "\"%s\" was taken", bad);
  }
}
