# SPDX-License-Identifier: Apache-2.0
multisink_fuzz(pgoutput ROOMS postgres)
multisink_fuzz(copytext ROOMS postgres)
