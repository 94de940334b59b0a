// The documents of single paths, made from the pipeline's status document (ext/control.h).
#pragma once

#include <boost/json/object.hpp>

#include <string_view>

namespace sluice::http_admin {

using boost::json::object;

/// GET /advanced/backpressure/status: the level, why, and the figures it hangs on.
object backpressure_status(const object& status);
/// .../metrics: rates, ratio, latencies, depth, errors, memory and CPU.
object backpressure_metrics(const object& status);
/// .../circuit-breaker: each breaker's state and figures.
object circuit_breakers(const object& status);
/// .../publisher-stats: each sink's totals, queue, rates and latencies.
object publisher_stats(const object& status);
/// GET /health. `degraded` at CRITICAL and OVERLOAD.
object health(const object& status);

/// GET /api/v1/pipeline, level, ledger.
object pipeline(const object& status);
object level(const object& status);
object ledger(const object& status);

/// 0 HEALTHY ... 3 OVERLOAD.
int level_number(std::string_view name);

}  // namespace sluice::http_admin
