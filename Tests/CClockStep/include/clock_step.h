/* Nothing to call: see clock_step.c. */
