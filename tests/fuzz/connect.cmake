# SPDX-License-Identifier: Apache-2.0
multisink_fuzz(connect_request ROOMS control)
multisink_fuzz(connect_config ROOMS control)
