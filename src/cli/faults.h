/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_FAULTS_H
#define CLI_FAULTS_H

/* How the rendered faults of a configuration reach the terminal; used by every command that loads
 * one. */

#include "base/buf.h"

#include <stdio.h>

#define CLI_CONFIG_FILE "pipeline.yaml" /* read when no file is named */

/* Writes the text that config_load gave, with colour where the stream wants it. */
void cli_show_faults(FILE *to, const struct buf *text);

#endif
