// sampling/state.hpp - what one sampler leaves to the next in a swap.
#pragma once

#include <sluice/state.hpp>

#include <chrono>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::sampling {

/// One schema for all samplers, so that each can take another's place: a list of sections, of which
/// a reader takes those it has a use for and skips the rest. A section never changes its meaning;
/// what is to be said in another way gets another number.
inline constexpr std::string_view state_schema = "sampling/1";

/// In the order they are written.
enum class section : std::uint32_t {
  end = 0,             ///< behind the last
  phases = 1,          ///< each instrument's accumulator
  draws = 2,           ///< the generator of random draws, and the accumulator of all records
  ratio = 3,           ///< the part of priority 1 that is kept now
  control = 4,         ///< by what the ratio is steered, and when
  fair_shares = 5,     ///< each instrument's rate and share
  windows = 6,         ///< who passed within the interval; names every record that is held
  trades = 7,          ///< the number by which each instrument's next trade is told
  low = 8,             ///< how priority 1 and priority 2 share what is kept
  fair_shares_low = 9  ///< as fair_shares, which is priority 1's: of priority 2
};

/// No pipeline has more keys: pipeline.max_keys allows this many.
inline constexpr std::uint32_t most_keys = 1u << 24;

/// `write` puts the section's content.
template <typename Write>
void put_section(state_writer& out, section which, Write&& write) {
  state_writer content;
  write(content);
  out.put(which);
  out.put(std::string_view{reinterpret_cast<const char*>(content.bytes().data()),
                           content.bytes().size()});
}
inline void end_sections(state_writer& out) { out.put(section::end); }

/// `read(section, state_reader&)` reads the section to its end and says true, or says false.
template <typename Read>
void read_sections(state_reader& in, Read&& read) {
  section last = section::end;
  for (auto which = in.get<section>(); which != section::end; which = in.get<section>()) {
    if (which <= last) throw std::runtime_error{"a section of the state is out of its place"};
    last = which;
    const auto bytes = in.get<std::string>();
    state_reader content{in.schema(),
                         {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}};
    if (read(which, content) && !content.at_end())
      throw std::runtime_error{"a section of the state is longer than it should be"};
  }
  if (!in.at_end()) throw std::runtime_error{"the state goes on behind its end"};
}

/// No time in a state is earlier.
inline time_point long_before(time_point now) { return now - std::chrono::hours{10 * 365 * 24}; }

/// A time of the host's clock up to `latest`, and not absurdly long ago.
inline time_point read_time(state_reader& in, time_point latest) {
  return in.get<time_point>(long_before(latest), latest);
}
/// The same, or `never`.
inline time_point read_time_or_never(state_reader& in, time_point latest) {
  state_reader ahead = in;
  return ahead.get<time_point>() == never ? in.get<time_point>() : read_time(in, latest);
}

}  // namespace sluice::sampling
