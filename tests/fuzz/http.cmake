# SPDX-License-Identifier: Apache-2.0
multisink_fuzz(rowjson ROOMS process)
multisink_fuzz(http_reply ROOMS sink)
