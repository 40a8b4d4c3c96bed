# SPDX-License-Identifier: Apache-2.0
multisink_fuzz(kafka_state ROOMS pipeline)
multisink_fuzz(signal ROOMS pipeline)
