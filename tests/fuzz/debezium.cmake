# SPDX-License-Identifier: Apache-2.0
multisink_fuzz(debezium_reader ROOMS debezium)
