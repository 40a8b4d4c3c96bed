# SPDX-License-Identifier: Apache-2.0
multisink_fuzz(cql_types ROOMS cql)
