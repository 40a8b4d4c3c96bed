# SPDX-License-Identifier: Apache-2.0
multisink_fuzz(frame ROOMS model)
