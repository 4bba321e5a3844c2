// tessera data: data sets to content-addressed shards.
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "cli/commands.h"
#include "cli/idx_dataset.h"
#include "cli/shard_folder.h"

namespace tessera::cli {

absl::Status DataPack(Context& context, const DataPackOptions& options) {
  ASSIGN_OR_RETURN(const DataShard train, LoadIdx(options.images, options.labels));
  ASSIGN_OR_RETURN(const DataShard test, LoadIdx(options.test_images, options.test_labels));
  ASSIGN_OR_RETURN(const std::vector<DataShard> train_shards,
                   SplitIntoShards(train, options.train_shards, options.seed));
  ASSIGN_OR_RETURN(const std::vector<DataShard> test_shards,
                   SplitIntoShards(test, options.test_shards, options.seed));
  ASSIGN_OR_RETURN(const ShardFolder folder,
                   WriteShardFolder(options.out, train_shards, test_shards));
  context.output().Answer({{"manifest_root", folder.manifest_root.hex()},
                           {"train_samples", train.samples()},
                           {"test_samples", test.samples()},
                           {"train_shards", train_shards.size()},
                           {"test_shards", test_shards.size()},
                           {"folder", options.out.string()}},
                          std::to_string(train.samples()) + " samples in " +
                              std::to_string(train_shards.size()) + " training shards, " +
                              std::to_string(test.samples()) + " in " +
                              std::to_string(test_shards.size()) + " test shards\nmanifest  " +
                              folder.manifest_root.hex() + "\nfolder    " + options.out.string());
  return absl::OkStatus();
}

}  // namespace tessera::cli
