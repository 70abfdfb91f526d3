// Loops whose vectors are as wide as the machine's, which Swift compiles for the oldest one alone.
#pragma once
#include "products.h"
#include "rows.h"
#include "shifts.h"
