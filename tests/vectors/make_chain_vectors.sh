#!/usr/bin/env bash
# Writes chain.json beside this script: Ethereum encodings as Foundry's cast and anvil make them, so that chain/ is
# tested against an independent implementation. Needs jq and `npm ci` in contracts/. Deterministic.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=$here/../../contracts/node_modules/@foundry-rs
cast=$bin/cast-linux-amd64/bin/cast
anvil=$bin/anvil-linux-amd64/bin/anvil
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

word() { "$cast" keccak "$1"; }  # A 32-byte value out of a name.
key1=$(word "tessera test key 1")
key2=$(word "tessera test key 2")
addr1=$("$cast" wallet address --private-key "$key1")
addr2=$("$cast" wallet address --private-key "$key2")
rows() { jq -s '.'; }

keys() {
  for key in "$key1" "$key2" 0x0000000000000000000000000000000000000000000000000000000000000001; do
    jq -n --arg secret "$key" --arg address "$("$cast" wallet address --private-key "$key")" '$ARGS.named'
  done | rows
}

hashes() {
  for text in "" "abc" "transfer(address,uint256)" "Transfer(address,address,uint256)"; do
    jq -n --arg text "$text" --arg keccak "$("$cast" keccak "$text")" '$ARGS.named'
  done | rows
}

selectors() {
  for signature in "transfer(address,uint256)" "bond(uint96)" "Panic(uint256)" \
    "decide(uint256,((bytes32,uint64),bytes,uint32,bytes32,bytes32[])[])"; do
    jq -n --arg signature "$signature" --arg selector "$("$cast" sig "$signature")" '$ARGS.named'
  done | rows
}

# Items in cast's notation: a string is its bytes in hexadecimal, a list is a JSON list.
rlp() {
  local long list
  long=0x$(printf 'ab%.0s' $(seq 300))
  list="[$(printf '"0x0102030405060708",%.0s' $(seq 40))\"0x\"]"
  for item in '"0x"' '"0x00"' '"0x7f"' '"0x80"' '"0x0400"' '[]' '[[],[[]],[[],[[]]]]' '["0x01",["0x","0x80"],"0x7f"]' \
    "\"0x$(printf '11%.0s' $(seq 55))\"" "\"0x$(printf '11%.0s' $(seq 56))\"" "\"$long\"" "$list"; do
    jq -n --argjson item "$item" --arg encoding "$("$cast" to-rlp "$item")" '$ARGS.named'
  done | rows
}

# Calls with the argument shapes that the contracts use; abi_test.cc builds the same ones by name.
call() {
  jq -n --arg name "$1" --arg signature "$2" --arg data "$("$cast" calldata "${@:2}")" '$ARGS.named'
}
calls() {
  local commitment verdict proof job root
  job=$(word job); root=$(word root)
  proof="[$(word p0),$(word p1)]"
  commitment="($job,7,$addr1,1,$(word base),3,$root,4294967296,1000,$(word chain),4)"
  verdict="($job,7,$addr2,$addr1,$(word commitment),2,$(word result),1)"
  local commitment_type="(bytes32,uint64,address,uint32,bytes32,uint32,bytes32,uint64,uint64,bytes32,uint32)"
  local verdict_type="(bytes32,uint64,address,address,bytes32,uint32,bytes32,uint8)"
  local ballot_type="($verdict_type,bytes,uint32,bytes32,bytes32[])"
  call no_arguments "close()"
  call static "open(bytes32,uint96,address,bool,uint64)" "$job" 79228162514264337593543950335 "$addr1" true 18446744073709551615
  call bytes "draw(bytes32,uint256,bytes)" "$job" 340282366920938463463374607431768211455 0xaabbcc
  call bytes_empty "post(bytes)" 0x
  call bytes_of_32 "post(bytes)" "$job"
  call string "name(string,uint8)" "a string that is longer than one word of 32 bytes" 9
  call word_array "claim(address,bytes32[])" "$addr1" "$proof"
  call address_array "allow(address[],uint64[])" "[$addr1,$addr2]" "[1,2,3]"
  call selector_array "setTargetFunctionRole(address,bytes4[],uint64)" "$addr1" "[0xa9059cbb,0x095ea7b3]" 5
  call open_dispute "open($commitment_type,bytes,uint32,bytes32[])" "$commitment" 0x010203 6 "$proof"
  call decide_none "decide(uint256,$ballot_type[])" 5 "[]"
  call decide_two "decide(uint256,$ballot_type[])" 5 \
    "[($verdict,0x$(printf '5a%.0s' $(seq 65)),4,$(word leaf),$proof),($verdict,0x,9,$(word leaf2),[])]"
  call static_tuples "setAll((address,uint64)[])" "[($addr1,1),($addr2,2)]"
  call dynamic_tuple "register((address,string),uint256)" "($addr1,worker)" 1
}

transaction() {  # name, nonce, gas limit, max fee, tip, value, data, receiver (none: deploys the data)
  local name=$1 nonce=$2 gas_limit=$3 max_fee=$4 tip=$5 value=$6 data=$7 to=${8:-}
  local target=("$to" "$data")
  [ "$data" != 0x ] || target=("$to")
  [ -n "$to" ] || target=(--create "$data")
  local raw
  raw=$("$cast" mktx --private-key "$key1" --chain 31337 --nonce "$nonce" --gas-limit "$gas_limit" \
    --gas-price "$max_fee" --priority-gas-price "$tip" --value "$value" "${target[@]}")
  jq -n --arg name "$name" --argjson nonce "$nonce" --argjson gas_limit "$gas_limit" --arg max_fee "$max_fee" \
    --arg tip "$tip" --arg value "$value" --arg data "$data" --arg to "$to" --arg raw "$raw" \
    --arg hash "$("$cast" keccak "$raw")" '$ARGS.named'
}
transactions() {
  transaction transfer 0 21000 30000000000 1000000000 1 0x "$addr2"
  transaction zero_fees 128 21000 0 0 0 0x "$addr2"
  transaction call 7 16777216 500000000000 1000000001 0 0xa9059cbb0011 "$addr2"
  transaction deploy 65536 1000000 2000000000 1 0 0x6030806009
  transaction rich 1 21000 30000000000 1000000000 9000000000000000000000 0x "$addr2"
}

created() {
  for nonce in 0 1 127 128 255 256 65536 4294967296; do
    jq -n --arg sender "$addr1" --argjson nonce "$nonce" \
      --arg created "$("$cast" compute-address --nonce "$nonce" "$addr1" | sed 's/.*: //')" '$ARGS.named'
  done | rows
}

typed_data() {  # name, primary type, types, message
  jq -n --arg contract "$addr2" --arg type "$2" --argjson types "$3" --argjson message "$4" '{
    types: ({EIP712Domain: [{name: "name", type: "string"}, {name: "version", type: "string"},
      {name: "chainId", type: "uint256"}, {name: "verifyingContract", type: "address"}]} + $types),
    domain: {name: "Tessera", version: "1", chainId: 31337, verifyingContract: $contract},
    primaryType: $type, message: $message}' >"$work/typed.json"
  jq -n --arg name "$1" --arg contract "$addr2" \
    --arg signature "$("$cast" wallet sign --private-key "$key1" --data --from-file "$work/typed.json")" '$ARGS.named'
}
signatures() {
  typed_data permit Permit '{"Permit": [{"name": "owner", "type": "address"}, {"name": "spender", "type": "address"},
    {"name": "value", "type": "uint256"}, {"name": "nonce", "type": "uint256"}, {"name": "deadline", "type": "uint256"}]}' \
    "{\"owner\": \"$addr1\", \"spender\": \"$addr2\", \"value\": \"1000000000000000000000\", \"nonce\": \"3\",
      \"deadline\": \"1900000000\"}"
  typed_data mail Mail '{"Mail": [{"name": "to", "type": "Person"}, {"name": "contents", "type": "string"}],
    "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}]}' \
    "{\"to\": {\"name\": \"Bob\", \"wallet\": \"$addr2\"}, \"contents\": \"Hello, Bob!\"}"
}

# One block of each fork that changed the header, as the node reports it and as bytes.
headers() {
  for fork in london paris shanghai cancun prague osaka; do
    local port=$((20000 + RANDOM % 20000))
    local url=http://127.0.0.1:$port
    "$anvil" --silent --port $port --hardfork $fork --timestamp 1700000000 &
    local pid=$!
    until "$cast" chain-id --rpc-url $url >/dev/null 2>&1; do kill -0 $pid; done
    "$cast" rpc --rpc-url $url evm_mine 1700000012 >/dev/null
    jq -n --arg fork $fork --arg rlp "$("$cast" block 1 --raw --rpc-url $url)" \
      --argjson block "$("$cast" rpc --rpc-url $url eth_getBlockByNumber 0x1 false)" '$ARGS.named'
    kill $pid; wait $pid 2>/dev/null || true
  done
}

jq -n --arg key1 "$key1" --arg addr1 "$addr1" --arg addr2 "$addr2" \
  --argjson keys "$(keys)" --argjson hashes "$(hashes)" --argjson selectors "$(selectors)" \
  --argjson rlp "$(rlp)" --argjson calls "$(calls | rows)" --argjson transactions "$(transactions | rows)" \
  --argjson created "$(created)" --argjson signatures "$(signatures | rows)" --argjson headers "$(headers | rows)" \
  '{origin: "make_chain_vectors.sh, cast and anvil 1.7.1"} + $ARGS.named' >"$work/chain.json"
mv "$work/chain.json" "$here/chain.json"
