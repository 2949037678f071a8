/* The whole public interface. Integers of files and descriptors are big-endian, everything else is the host's. */
#ifndef TCPK_H
#define TCPK_H

#include "behavior.h"
#include "cpu.h"
#include "descriptor.h"
#include "engine.h"
#include "error.h"
#include "lookup.h"
#include "lookup_inline.h"
#include "memory.h"
#include "network.h"
#include "registry.h"
#include "ring.h"

#endif
