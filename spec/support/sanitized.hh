// ROCKER_ADDRESS_SANITIZED is defined when AddressSanitizer watches, which sees only what has memory of its
// own; ROCKER_THREAD_SANITIZED when ThreadSanitizer does, which knows a descriptor by the calls that it
// knows.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define ROCKER_ADDRESS_SANITIZED
#endif
#if defined(__SANITIZE_THREAD__)
#define ROCKER_THREAD_SANITIZED
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ROCKER_ADDRESS_SANITIZED
#endif
#if __has_feature(thread_sanitizer)
#define ROCKER_THREAD_SANITIZED
#endif
#endif
