#include "null.hpp"

SLUICE_PLUGIN(sluice::null::null);
