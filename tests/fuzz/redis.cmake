# SPDX-License-Identifier: Apache-2.0
multisink_fuzz(template ROOMS process)
multisink_fuzz(resp ROOMS sink)
