// Where the WAL in a data directory ends: what a replica holds, whatever of it was replayed so far (F10, F59).
//
// A hot standby answers long before it has replayed what lies on its disk, and tells nothing about it. pg_waldump reads
// it, in a child of its own beside the server that replays.
// Threading: the loop's thread. Errors: as values; the end is then not known.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapters/os/process.h"
#include "adapters/postgres/context.h"
#include "adapters/postgres/control_data.h"
#include "core/timeline.h"

namespace regent {

struct SegmentName {
  Timeline timeline;
  std::uint64_t number = 0;  // position / segment size
};
// "000000010000000A000000FE"; nullopt for any other file.
std::optional<SegmentName> parse_segment_name(std::string_view name, std::uint64_t segment_size);

// Where to begin to read: on the newest timeline that lies there, as recovery does. nullopt: the files tell of none.
std::optional<Position> first_unread(const std::vector<std::string>& pg_wal, const ControlData& control);

// The end of a record that begins at `start`, with the page headers that lie in it.
Lsn end_of_record(Lsn start, std::uint64_t length, const WalFormat& format);

// "error in WAL record at 0/3000100: ...": the last record that pg_waldump could read before it had to stop.
std::optional<Lsn> last_record_read(std::string_view errors);
// "len (rec/tot): 114/ 8306, ...": the whole length.
std::optional<std::uint64_t> total_length(std::string_view line);

// One reading of the WAL from the last restart point on.
class WalReading {
 public:
  // `server`: the process that replays while this goes on, to tell readings apart.
  static Task<Result<WalReading>> begin(Context& context, int server, Instant deadline);

  int server() const { return server_; }
  bool running() { return child_.running(); }
  // Once it does not run any more.
  Task<Result<Position>> end(Context& context, Instant deadline);

 private:
  int server_ = 0;
  Timeline timeline_;
  WalFormat format_;
  Child child_;
};

}  // namespace regent
