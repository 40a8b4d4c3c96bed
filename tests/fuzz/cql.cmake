# SPDX-License-Identifier: Apache-2.0
multisink_fuzz(cql_segment ROOMS cql)
multisink_fuzz(cql_message ROOMS cql)
