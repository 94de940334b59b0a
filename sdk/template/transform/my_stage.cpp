#include "my_stage.hpp"

namespace stages {

void my_stage::process(sluice::batch& records) {
  for (const sluice::record& each : records) {
    if (each.priority == SLUICE_PRIORITY_HIGH) continue;  // never dropped by policy
    if (each.size < minimum_) records.drop(each, sluice::reason::sampled);
  }
}

}  // namespace stages

SLUICE_PLUGIN(stages::my_stage);
