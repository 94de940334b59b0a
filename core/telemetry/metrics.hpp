// A snapshot as Prometheus sees it.
#pragma once

#include "runtime/snapshot.hpp"

#include <string>

namespace sluice::telemetry {

/// The text exposition format. The requirement's names, without labels, under the pipeline's prefix
/// (ticker_...), and sluice_... for every stage. Labels are stages and reasons, never instruments.
std::string prometheus_text(const runtime::snapshot& seen);

}  // namespace sluice::telemetry
