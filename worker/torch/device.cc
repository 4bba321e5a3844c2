#include "worker/torch/device.h"

#include <dlfcn.h>
#include <torch/cuda.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>

namespace tessera::worker {
namespace {

std::string ProcessorName() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

struct LibraryCloser {
  void operator()(void* library) const { dlclose(library); }
};

// Asks the driver by name at run time, so that one source builds with and without the CUDA toolkit.
// Signatures: CUDA driver API, cuInit, cuDeviceGet, cuDeviceGetName, cuDeviceTotalMem_v2; all
// return 0 on success.
std::optional<Device> FirstCudaDevice() {
  const std::unique_ptr<void, LibraryCloser> driver(dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL));
  if (driver == nullptr) return std::nullopt;
  const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver.get(), "cuInit"));
  const auto get = reinterpret_cast<int (*)(int*, int)>(dlsym(driver.get(), "cuDeviceGet"));
  const auto get_name =
      reinterpret_cast<int (*)(char*, int, int)>(dlsym(driver.get(), "cuDeviceGetName"));
  const auto total_memory =
      reinterpret_cast<int (*)(size_t*, int)>(dlsym(driver.get(), "cuDeviceTotalMem_v2"));
  if (init == nullptr || get == nullptr || get_name == nullptr || total_memory == nullptr) {
    return std::nullopt;
  }
  int device = 0;
  std::array<char, 128> name{};
  size_t memory_bytes = 0;
  if (init(0) != 0 || get(&device, 0) != 0 ||
      get_name(name.data(), static_cast<int>(name.size() - 1), device) != 0 ||
      total_memory(&memory_bytes, device) != 0) {
    return std::nullopt;
  }
  return Device{DeviceKind::kCuda, name.data(), memory_bytes};
}

bool IsCudaUsable() {
  try {
    return torch::cuda::is_available();
  } catch (const std::exception&) {
    return false;  // A CUDA build on a machine without a working driver.
  }
}

}  // namespace

Device DetectDevice() {
  if (IsCudaUsable()) {
    return FirstCudaDevice().value_or(Device{DeviceKind::kCuda, "unknown CUDA device", 0});
  }
  return CpuDevice();
}

Device CpuDevice() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  const uint64_t memory_bytes =
      pages > 0 && page_bytes > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_bytes)
                                  : 0;
  return {DeviceKind::kCpu, ProcessorName(), memory_bytes};
}

}  // namespace tessera::worker
