// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An enum whose sign depends on the compiler. */
#include <linux/bpf.h>
#include "border.h"

union dp_abi_types {
	enum dp_signed sign;
};

const volatile union dp_abi_types *const volatile dp_abi_types = 0;
