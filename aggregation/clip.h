// Norm clipping relative to the other updates of the round.
#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "aggregation/rules.h"
#include "aggregation/update_matrix.h"

namespace tessera::aggregation {

struct ClipReport {
  std::vector<double>
      norm;  // Euclidean norm of each row; infinity for a row with a NaN or an infinity.
  std::vector<float> factor;  // What to scale each row by; 0 for a row with a NaN or an infinity.
  double median_norm = 0;
};

// Factors min(1, 2 * median / norm), rounded to fp32 once, for the rules' `scale`: an update longer
// than twice the median norm is shortened to that. The median is taken over the rows whose values
// are all finite, the lower of the two middle ones for an even number, so that it is the norm of a
// row and below half Byzantine rows cannot raise it above every honest norm. A median of 0 gives
// every longer row the factor 0. Squares and sums in fp64, in lanes, then over the fixed column
// grid. One pass over the rows. InvalidArgument if no row is finite or options are out of range.
absl::StatusOr<ClipReport> ClipFactors(const UpdateMatrix& updates,
                                       const AggregateOptions& options);

}  // namespace tessera::aggregation
