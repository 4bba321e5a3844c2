#include "aggregation/update_matrix.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace tessera::aggregation {

absl::StatusOr<UpdateMatrix> UpdateMatrix::Create(std::vector<std::span<const float>> rows) {
  if (rows.empty()) return absl::InvalidArgumentError("no updates to aggregate");
  if (rows.size() > kRowsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(rows.size(), " updates to aggregate, at most ", kRowsMax, " are supported"));
  }
  const size_t columns = rows.front().size();
  if (columns == 0) return absl::InvalidArgumentError("updates of dimension 0");
  for (size_t i = 1; i < rows.size(); ++i) {
    if (rows[i].size() != columns) {
      return absl::InvalidArgumentError(absl::StrCat(
          "update ", i, " has dimension ", rows[i].size(), " where update 0 has ", columns));
    }
  }
  return UpdateMatrix(std::move(rows));
}

}  // namespace tessera::aggregation
