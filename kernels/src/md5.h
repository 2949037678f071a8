/* MD5 (RFC 1321): the hash that names a command. A key, not a signature: its weakness as one does not matter here. */
#ifndef TCPK_MD5_H
#define TCPK_MD5_H

#include <stddef.h>
#include <stdint.h>

void tcpk_md5(const uint8_t *bytes, size_t length, uint8_t digest[16]);

#endif
