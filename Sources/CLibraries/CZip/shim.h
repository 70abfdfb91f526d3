// libzip, for NumPy archives (.npz).
#pragma once
#include <zip.h>
