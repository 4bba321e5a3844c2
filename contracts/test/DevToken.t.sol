// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Cheats} from "./base/Cheats.sol";
import {DevToken} from "../src/DevToken.sol";

contract DevTokenTest is Cheats {
    DevToken private token = new DevToken(address(this), 5 ether);

    function test_NamesItselfADevelopmentToken() public view {
        vm.assertEq(token.name(), "Tessera Development Token");
        vm.assertEq(token.symbol(), "dTSR");
        vm.assertEq(token.decimals(), 18);
    }

    function test_SupplyGoesToTheInitialHolderWhoMayMint() public {
        vm.assertEq(token.balanceOf(address(this)), 5 ether);
        token.mint(address(7), 2 ether);
        vm.assertEq(token.balanceOf(address(7)), 2 ether);
        vm.assertEq(token.totalSupply(), 7 ether);
    }

    function test_NobodyElseMints() public {
        vm.expectRevert(
            abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(7))
        );
        vm.prank(address(7));
        token.mint(address(7), 1);
    }
}
