// libsodium's one-time set-up. Private to base: whoever calls libsodium calls this first.
#pragma once

#include <sodium.h>

#include <cstdio>
#include <cstdlib>

namespace tessera {

// Sets libsodium up once, however many threads ask. Without it the entropy source is not
// thread-safe.
inline void EnsureSodium() {
  static const bool ready = sodium_init() >= 0;
  if (!ready) {
    std::fputs("libsodium finds no entropy source\n", stderr);
    std::abort();
  }
}

}  // namespace tessera
