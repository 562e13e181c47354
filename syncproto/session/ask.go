package session

// ask numbers the effects of a Device that are answered, to match answers.
type ask uint8

const (
	askNone ask = iota
	askEnrol
	askSaveEnrol
	askHello
	askWelcome
	askFork
	askBatch
	askResults
	askPage
	askCaught
	askBuckets
	askEntries
	askMend
	askReset
	askGrants
	askDrop
	askBackup
	askReceipt
	askActs
	askCount
)

func asks(e DeviceEffect) ask {
	switch e.(type) {
	case ReadEnrol:
		return askEnrol
	case SaveEnrolment:
		return askSaveEnrol
	case ReadHello:
		return askHello
	case SaveWelcome:
		return askWelcome
	case ForkLog:
		return askFork
	case ReadBatch:
		return askBatch
	case CommitResults:
		return askResults
	case CommitPage:
		return askPage
	case CommitCaught:
		return askCaught
	case ReadBuckets:
		return askBuckets
	case ReadEntries:
		return askEntries
	case MendRecords:
		return askMend
	case ResetCursor:
		return askReset
	case SaveGrants:
		return askGrants
	case DropScope:
		return askDrop
	case MarkBackupSafe:
		return askBackup
	case SaveReceipt:
		return askReceipt
	case KeepCheckpoints:
		return askActs
	}
	return askNone
}

func answers(ev DeviceEvent) ask {
	switch ev.(type) {
	case EnrolRead:
		return askEnrol
	case EnrolmentSaved:
		return askSaveEnrol
	case HelloRead:
		return askHello
	case WelcomeSaved:
		return askWelcome
	case LogForked:
		return askFork
	case BatchRead:
		return askBatch
	case ResultsCommitted:
		return askResults
	case PageCommitted:
		return askPage
	case CaughtCommitted:
		return askCaught
	case BucketsRead:
		return askBuckets
	case EntriesRead:
		return askEntries
	case RecordsMended:
		return askMend
	case CursorReset:
		return askReset
	case GrantsSaved:
		return askGrants
	case ScopeDropped:
		return askDrop
	case BackupSafeMarked:
		return askBackup
	case ReceiptSaved:
		return askReceipt
	case CheckpointsKept:
		return askActs
	}
	return askNone
}
