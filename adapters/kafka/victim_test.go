package kafka

const victimVariable = "CARTULARY_TEST_VICTIM"

func victim() int { return 0 }
