// libzmq.
#pragma once
#include <zmq.h>
