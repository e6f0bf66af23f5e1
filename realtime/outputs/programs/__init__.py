"""What other programs take: avatars (VMC, iFacialMocap), Unreal (Live Link), spreadsheets (CSV), video calls."""
