// Binary messages of the ticker protocol: splitting, decoding, encoding again, and the JSON of it.
#include "harness.hpp"

#include <kite/frame.hpp>
#include <kite/json.hpp>
#include <sluice/record.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

using namespace sluice;

namespace {

record record_of(kite::bytes_view packet) {
  record made{};
  made.data = packet.data();
  made.size = static_cast<std::uint32_t>(packet.size());
  return made;
}

void check_json(kite::bytes_view packet) {
  std::array<char, kite::tick_json_max> out;
  const std::size_t size = kite::write_tick(packet, out.data(), out.size());
  FUZZ_REQUIRE(size > 0 && size <= out.size());
  boost::system::error_code error;
  const std::string text = "{" + std::string{out.data(), size} + "}";
  const boost::json::value parsed = boost::json::parse(text, error);
  FUZZ_REQUIRE(!error);
  FUZZ_REQUIRE(parsed.at("instrument_token").to_number<std::uint32_t>() ==
               kite::peek_token(packet));

  // Too little room is said, never overrun.
  std::vector<char> small(size - 1);
  FUZZ_REQUIRE(kite::write_tick(packet, small.data(), small.size()) >= size);
}

void check_fields(kite::bytes_view packet) {
  const record of = record_of(packet);
  for (const std::string_view name :
       {"last_price", "instrument_token", "volume_traded", "ohlc", "change", "exchange_timestamp",
        "mode", "tradable", "nothing"}) {
    sluice_scalar value{};
    FUZZ_REQUIRE(kite::tick_codec.read_field(&of, borrow(name), &value) == SLUICE_OK);
    FUZZ_REQUIRE(value.kind <= SLUICE_IS_STRING);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kite::frame_builder builder{64};
  std::vector<kite::packet> packets;
  const auto found = kite::split({data, size}, [&](kite::bytes_view wire, kite::packet_kind kind) {
    FUZZ_REQUIRE(wire.data() >= data && wire.data() + wire.size() <= data + size);
    FUZZ_REQUIRE(wire.size() == kite::size_of(kind));
    const auto decoded = kite::decode(wire);
    FUZZ_REQUIRE(decoded && decoded->kind == kind);
    std::array<std::uint8_t, kite::packet_size_max> again{};
    const std::size_t bytes = kite::encode(*decoded, again);
    FUZZ_REQUIRE(bytes == wire.size());
    FUZZ_REQUIRE(kite::decode(kite::bytes_view{again}.first(bytes)) == decoded);
    check_json(wire);
    check_fields(wire);
    if (builder.add(*decoded)) packets.push_back(*decoded);
  });
  FUZZ_REQUIRE(!found.heartbeat || size == 1);

  // What was made of it splits into the same packets again.
  std::size_t at = 0;
  const auto rebuilt = kite::split(builder.frame(), [&](kite::bytes_view wire, kite::packet_kind) {
    FUZZ_REQUIRE(at < packets.size() && kite::decode(wire) == packets[at]);
    ++at;
  });
  FUZZ_REQUIRE(at == packets.size() && !rebuilt.damaged && rebuilt.unknown_lengths == 0);

  // The codec answers for anything that claims to be a record.
  const record whole = record_of({data, size});
  std::array<char, 64> out;
  kite::tick_codec.write_json(&whole, out.data(), out.size());
  sluice_scalar value{};
  kite::tick_codec.read_field(&whole, borrow("last_price"), &value);
  return 0;
}
