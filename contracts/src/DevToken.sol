// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title A freely mintable token for development chains.
/// @notice Never use it where tokens are worth something: its first holder mints at will.
contract DevToken is ERC20, ERC20Permit, Ownable {
    /// @param initialHolder receives the supply and is the only one who may mint more.
    /// @param supply in wei.
    constructor(address initialHolder, uint256 supply)
        ERC20("Tessera Development Token", "dTSR")
        ERC20Permit("Tessera Development Token")
        Ownable(initialHolder)
    {
        _mint(initialHolder, supply);
    }

    /// @notice Creates `amount` wei for `to`. Only the initial holder may.
    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }
}
