/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

/* Tells the service manager how far the daemon is (sd_notify(3): a datagram to $NOTIFY_SOCKET). Nothing
 * when there is none. `state` is e.g. "READY=1". Main thread. */
void notify_state(const char *state);

#endif
