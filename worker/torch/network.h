// The built-in model families as libtorch expressions over a flat parameter vector. Includes
// libtorch: only for the sources of this folder.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "protocol/model_family.h"

namespace tessera::worker {

// Tensors that share the storage of `flat`, (dimension), in the order of ParameterShapes; leaves
// that record gradients.
std::vector<at::Tensor> ParameterLeaves(ModelFamily family, const at::Tensor& flat);

// Logits, (samples, 10), of `pixels`, (samples, 784), normalised.
at::Tensor Forward(ModelFamily family, const std::vector<at::Tensor>& parameters,
                   const at::Tensor& pixels);

}  // namespace tessera::worker
