// Page checksums: a layer between SQLite and the operating system (a "VFS") that
// puts a checksum into the last bytes of each page written to a database file, and
// tests it at each read. A page that was changed, zeroed, or lies in another page's
// place is answered with SQLITE_CORRUPT, whatever it holds: structure or content.
//
// Pages in the write-ahead log carry SQLite's own checksums and are left alone; it can
// be made sure that the database will have room for them.
// A file made with schema version 1 has no room for the checksums; it is read without.
#pragma once

#include <cstdint>

#include "store/sqlite.h"

namespace spex::store {

// Bytes that SQLite leaves free at the end of each page.
inline constexpr int kPageTrailerBytes = 8;

// Where page 1 says how many bytes are reserved at the end of each page.
inline constexpr std::size_t kReservedBytesAt = 20;
// Whether a page of a file with checksums is as it was written; pages count from 1.
bool is_sound_page(Bytes page, std::uint64_t number);

// The layer's name for sqlite3_open_v2(). It lies upon the default VFS of the moment a file is opened.
const char* page_checksum_vfs();

// File control, argument int*: 1 lets damaged pages be read, for records that have
// checksums of their own; 0 refuses them again.
inline constexpr int kFileControlTolerateDamage = 0x53504558;
// File control, argument int*: becomes 1 if the file's pages have checksums, else 0.
inline constexpr int kFileControlHasChecksums = 0x53504559;
// File control, of the database or its log, argument const std::function<void(Bytes)>**: is shown each page that
// is read, until it is taken away with a null pointer.
inline constexpr int kFileControlShowPages = 0x5350455a;
// File control of the database, argument const std::function<bool(std::uint64_t)>**: is asked before a page gets into
// the write-ahead log whether there is room for a database of so many bytes, which that page would end; if not, it is
// not written, with SQLITE_FULL.
inline constexpr int kFileControlAskForRoom = 0x5350455b;

}  // namespace spex::store
