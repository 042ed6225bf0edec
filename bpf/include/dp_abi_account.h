/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What both halves share of accounts: what each flow has carried. Belongs to dp_abi.h, and to its
 * version.
 */
#ifndef DP_ABI_ACCOUNT_H
#define DP_ABI_ACCOUNT_H

#include "dp_abi.h"

/* What crossed of a flow, seen from the unit that was judged; bytes from the IP header on. */
struct dp_account {
	struct dp_counter incoming;
	struct dp_counter outgoing;
};

#endif
