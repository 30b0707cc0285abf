// ROCKER_SANITIZED is defined when AddressSanitizer watches, which sees only what has memory of its own.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define ROCKER_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ROCKER_SANITIZED
#endif
#endif
