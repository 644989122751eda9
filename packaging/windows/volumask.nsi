; The same installation as volumask.iss, made by NSIS, which can be built and tried on Linux too (makensis, wine).
; makensis -DVERSION=0.1.0 -DBUNDLE=dist/volumask-cpu -DOUTPUT=dist/setup.exe -DGENERATED=build/windows volumask.nsi
; GENERATED holds associations.nsh (keys.py nsis) and volumask.ico. Silent: setup.exe /S [/D=C:\folder]
; An NSIS file ends at 2 GB: the CUDA flavour is for volumask.iss.

!ifndef VERSION | BUNDLE | OUTPUT | GENERATED
  !error "Give VERSION, BUNDLE, OUTPUT and GENERATED"
!endif

Target amd64-unicode
ManifestDPIAware true
ManifestLongPathAware true
RequestExecutionLevel user
SetCompressor /SOLID lzma
Name "Volumask ${VERSION}"
OutFile "${OUTPUT}"
Icon "${GENERATED}/volumask.ico"
InstallDir "$LOCALAPPDATA\Programs\Volumask"
InstallDirRegKey HKCU "Software\Volumask" "InstallDir"
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Volumask"
!define NOTIFY 'System::Call "shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)"'
!include "${GENERATED}/associations.nsh"

Page directory
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

Section
  IfFileExists "$INSTDIR\Volumask.exe" 0 +2 ; a folder named by /D may be another program's
    RMDir /r "$INSTDIR\_internal" ; an older version's libraries must not lie beside the newer ones
  SetOutPath "$INSTDIR"
  File /r "${BUNDLE}/*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\Volumask.lnk" "$INSTDIR\Volumask.exe"
  WriteRegStr HKCU "Software\Volumask" "InstallDir" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Volumask"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\Volumask.exe"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  !insertmacro WriteKeys
  ${NOTIFY}
SectionEnd

Section "Uninstall"
  RMDir /r "$INSTDIR\_internal"
  Delete "$INSTDIR\Volumask.exe"
  Delete "$INSTDIR\volumask.com"
  Delete "$INSTDIR\uninstall.exe"
  Delete "$INSTDIR\THIRD_PARTY_NOTICES.txt"
  Delete "$INSTDIR\sbom.cdx.json"
  Delete "$INSTDIR\LICENSE.txt"
  RMDir "$INSTDIR" ; stays when something else was put there
  Delete "$SMPROGRAMS\Volumask.lnk"
  DeleteRegKey HKCU "Software\Volumask"
  DeleteRegKey HKCU "${UNINSTALL}"
  !insertmacro DeleteKeys
  ${NOTIFY}
SectionEnd
