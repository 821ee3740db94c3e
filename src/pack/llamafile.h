// The single file: programs, and behind them a zip with a model, default arguments and what else belongs to it.
// Format: docs/formats/llamafile.md.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pack/args.h"
#include "pack/zip.h"
#include "platform/platform.h"

namespace quipu::pack {

constexpr std::string_view kArgsName = ".args";
// Where a portable file keeps the programs that are not its front.
constexpr std::string_view kProgramFolder = "bin/";

// A stored entry: bytes [offset, offset + size) of a mapped file.
struct Extent {
  std::shared_ptr<const platform::MappedFile> file;
  uint64_t offset = 0, size = 0;
  std::string name;  // for messages: "x.llamafile@x.gguf"
};

// Where a model lies: a file on disk (a split model's other parts beside it), or entries of a zip (all its parts).
struct ModelPlace {
  std::filesystem::path path;  // empty: in `parts`
  std::vector<Extent> parts;
};

// The model that `-m NAME` names: a file on disk (a .gguf, or a zip such as X.llamafile with one model in it), then
// `ZIP@ENTRY`, then an entry of the running file's own zip (`self`, may be null; a leading "/zip/" is dropped).
// Errors: not_found, with what was looked at; invalid_input for several models.
Result<ModelPlace> locate_model(const std::string& name, const Zip* self);

// The only model in a zip: one .gguf, or all parts of a split one. Errors: not_found if there is none;
// invalid_input, listing them, if there are several.
Result<ModelPlace> only_model(const Zip& zip);

// The arguments in `.args`, or none. Errors as parse_args, and those of a damaged entry.
Result<DefaultArgs> default_args(const Zip& zip, const Environment& environment);

struct PackRequest {
  // A native program, or a portable file: its programs for all systems come along. Other entries of it do not.
  std::shared_ptr<const platform::MappedFile> program;
  std::filesystem::path out;
  std::vector<std::filesystem::path> models;  // the parts of one model, in order; none: the engine alone
  std::filesystem::path args;                 // empty: none
  std::vector<std::filesystem::path> with;    // further files, under their own names
  std::string model_name = {};                // of a model of one part, inside; empty: its file's name
  bool with_sums = false;                     // SHA-256 of everything, in the manifest
};

// Writes `out`, executable, whole or not at all. A file that Windows could not start for its size becomes a script.
// Errors: of the inputs (not_found, invalid_input, two equal names), io (full disk), cancelled.
Status pack(const PackRequest& request, const Progress& progress);

// Writes `out` (it may be the zip's own file) with the program in front of the zip's entries: all of them but programs
// and the manifest of ours. Errors: as pack's; invalid_input for a damaged entry.
struct UpgradeRequest {
  std::shared_ptr<const platform::MappedFile> program;
  Zip zip;
  std::filesystem::path out;
  bool with_sums = false;
};
Status upgrade(UpgradeRequest request, const Progress& progress);

// Writes the entries (all, or those named) below `folder`, each whole or not at all, with its CRC checked. Nothing that
// exists is overwritten unless `overwrite`. Returns the paths. Errors: as Zip::read; not_found for a name.
struct UnpackRequest {
  std::filesystem::path folder;
  std::vector<std::string> names;  // empty: all
  bool overwrite = false;
};
Result<std::vector<std::filesystem::path>> unpack(const Zip& zip, const UnpackRequest& request,
                                                  const Progress& progress);

}  // namespace quipu::pack
