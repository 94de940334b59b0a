#include "deduplicator.hpp"

SLUICE_PLUGIN(sluice::deduplicator::deduplicator);
