// Text from outside that people will read.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace tessera::coordinator {

// The first `chars_max` characters with everything but printable ASCII replaced by '?': cutting
// UTF-8 in the middle of a character would make it text that neither the journal nor a message can
// hold.
inline std::string DisplayText(std::string_view text, size_t chars_max) {
  std::string shown(text.substr(0, chars_max));
  std::ranges::replace_if(
      shown, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return shown;
}

}  // namespace tessera::coordinator
