// conflating_sampler/test_codec.hpp - for tests: the stage with a codec for payloads "12:text", of
// which 12 is the volume traded.
#pragma once

#include "conflating_sampler.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

namespace sluice::conflating_sampler {

inline sluice_status read_test_field(const sluice_record* from, sluice_str name,
                                     sluice_scalar* out) {
  *out = {};
  const std::string text{reinterpret_cast<const char*>(from->data), from->size};
  const std::size_t colon = text.find(':');
  if (view(name) != "volume_traded" || colon == std::string::npos) return SLUICE_OK;
  if (text.front() < '0' || text.front() > '9') {
    out->kind = SLUICE_IS_STRING;
    return SLUICE_OK;
  }
  out->kind = SLUICE_IS_INTEGER;
  out->integer = std::atoll(text.c_str());
  out->number = static_cast<double>(out->integer);
  return SLUICE_OK;
}

inline constexpr sluice_codec test_codec{
    sizeof(sluice_codec), 64, borrow("test/1"),
    [](const sluice_record*, char*, std::uint64_t) -> std::uint64_t { return 0; },
    &read_test_field};

struct conflater : conflating_sampler {
  using conflating_sampler::conflating_sampler;
  static constexpr std::array codecs{&test_codec};
};

}  // namespace sluice::conflating_sampler
