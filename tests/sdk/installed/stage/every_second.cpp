#include "every_second.hpp"

SLUICE_PLUGIN(every_second);
