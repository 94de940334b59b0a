// The spool's own metrics, beside those that the host keeps for every stage.
#pragma once

#include <sluice/meters.hpp>

#include <array>
#include <cstdint>

namespace sluice::spool {

enum class meter : std::uint8_t { spooled, replayed, lost, refused, waiting, bytes, spilling };

inline constexpr std::array meter_rows{
    counter(meter::spooled, "spooled", "Records written to the files"),
    counter(meter::replayed, "replayed", "Records sent from the files"),
    counter(meter::lost, "lost", "Records that were in the files and cannot be sent any more"),
    counter(meter::refused, "refused",
            "Records that did not fit or could not be written, and went on"),
    gauge(meter::waiting, "waiting", "Records in the files that were not sent"),
    gauge(meter::bytes, "bytes", "Size of the files"),
    gauge(meter::spilling, "spilling", "1 while records go to the files")};
using meters = sluice::meters<meter_rows>;

}  // namespace sluice::spool
