// OpenSSL's libcrypto, for SHA-256; libpq brings the library along anyway.
#pragma once
#include <openssl/sha.h>
