// Messages to protocol types and back. All validation of what came over the wire is here: every FromProto returns
// InvalidArgument that names the field.
#pragma once

#include "base/status_macros.h"
#include "base/wei.h"
#include "protocol/deployment.h"
#include "protocol/state_chain.h"
#include "protocol/typed_data.h"
#include "tessera/v1/types.pb.h"

namespace tessera {

// A fixed-size field.
template <class T>
absl::StatusOr<T> ParseField(const std::string& bytes, std::string_view field) {
  absl::StatusOr<T> value = T::FromBytes(AsBytes(bytes));
  if (!value.ok()) return Annotate(value.status(), field);
  return value;
}
template <class T>
std::string FieldBytes(const T& value) {
  return std::string(AsText(value.view()));
}
inline Bytes CopyBytes(const std::string& bytes) { return {bytes.begin(), bytes.end()}; }
inline std::string CopyText(ByteView bytes) { return std::string(AsText(bytes)); }

absl::StatusOr<EngineClass> FromProto(v1::EngineClass engine_class);
v1::EngineClass ToProto(EngineClass engine_class);

absl::StatusOr<Commitment> FromProto(const v1::Commitment& message);
v1::Commitment ToProto(const Commitment& commitment);

absl::StatusOr<Receipt> FromProto(const v1::Receipt& message);
v1::Receipt ToProto(const Receipt& receipt);

absl::StatusOr<Verdict> FromProto(const v1::Verdict& message);
v1::Verdict ToProto(const Verdict& verdict);

absl::StatusOr<StateOpening> FromProto(const v1::StateOpening& message);
v1::StateOpening ToProto(const StateOpening& opening);

// `coordinator` receives the account that anchors.
absl::StatusOr<Deployment> FromProto(const v1::ChainInfo& message, Address* coordinator);
v1::ChainInfo ToProto(const Deployment& deployment, const Address& coordinator);

}  // namespace tessera
