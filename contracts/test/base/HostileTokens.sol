// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DevToken} from "../../src/DevToken.sol";

/// @dev Can be told to move nothing and say so only by returning false.
contract FalseToken is DevToken {
    bool public lying;

    constructor() DevToken(msg.sender, 1e30) {}

    function lie() external {
        lying = true;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return lying ? false : super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return lying ? false : super.transferFrom(from, to, amount);
    }
}

/// @dev Calls whatever it was armed with, once, in the middle of its next transfer. It can act for
/// itself as well, so that the contracts owe it something.
contract ReentrantToken is DevToken {
    address private _target;
    bytes private _data;
    bool public called;
    bool public succeeded;

    constructor() DevToken(msg.sender, 1e30) {}

    function arm(address target, bytes calldata data) external {
        (_target, _data, called, succeeded) = (target, data, false, false);
    }

    function act(address target, bytes calldata data) external returns (bytes memory) {
        (bool done, bytes memory result) = target.call(data);
        require(done, string(result));
        return result;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_target == address(0)) return;
        address target = _target;
        _target = address(0);
        called = true;
        (succeeded,) = target.call(_data);
    }
}
