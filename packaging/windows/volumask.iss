; Volumask's installer for Windows (Inno Setup 6.3 or newer): for one user, without an administrator.
; ISCC /DVersion=0.1.0 /DFlavour=cpu /DBundle=..\..\dist\volumask-cpu /DOutput=..\..\dist packaging\windows\volumask.iss
; Silent: volumask-....exe /VERYSILENT /SUPPRESSMSGBOXES /NORESTART [/DIR=C:\folder] [/TASKS=""]
; Beside it must lie associations.iss (python packaging\windows\keys.py inno) and volumask.ico (packaging\icons.py).

#ifndef Version
  #error Give /DVersion, the version of pyproject.toml
#endif
#ifndef Flavour
  #define Flavour "cpu"
#endif
#ifndef Bundle
  #define Bundle "..\..\dist\volumask-" + Flavour
#endif
#ifndef Output
  #define Output "..\..\dist"
#endif

[Setup]
AppId={{6E5B1F5C-4E0D-4C59-9F4C-0E6D5A6C7B21}
AppName=Volumask
AppVersion={#Version}
AppVerName=Volumask {#Version}
AppPublisher=Volumask developers
VersionInfoVersion={#Version}
DefaultDirName={localappdata}\Programs\Volumask
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0
DisableProgramGroupPage=yes
DisableDirPage=auto
UsePreviousAppDir=yes
UsePreviousTasks=yes
ChangesAssociations=yes
CloseApplications=yes
RestartApplications=no
LicenseFile=..\..\LICENSE
SetupIconFile=volumask.ico
UninstallDisplayIcon={app}\Volumask.exe
UninstallDisplayName=Volumask {#Version}
OutputDir={#Output}
OutputBaseFilename=volumask-{#Version}-windows-x64-{#Flavour}
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
#if Flavour == "cuda"
; More than one file may hold: setup.exe beside slices just under 2 GiB.
DiskSpanning=yes
DiskSliceSize=2000000000
SlicesPerDisk=1
#endif
#ifdef Sign
SignTool={#Sign}
SignedUninstaller=yes
#endif

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"

[Tasks]
Name: "associate"; Description: "Open .volumask projects by a double click, and offer Volumask for scans under ""Open with"""
Name: "desktop"; Description: "An icon on the desktop"; Flags: unchecked

[InstallDelete]
; An older version's libraries must not lie beside the newer ones. What the user made is elsewhere.
Type: filesandordirs; Name: "{app}\_internal"; Check: IsOurs

[Files]
Source: "{#Bundle}\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs
Source: "..\..\LICENSE"; DestDir: "{app}"; DestName: "LICENSE.txt"; Flags: ignoreversion

[Icons]
Name: "{userprograms}\Volumask"; Filename: "{app}\Volumask.exe"
Name: "{userdesktop}\Volumask"; Filename: "{app}\Volumask.exe"; Tasks: desktop

[Registry]
#include "associations.iss"

[Run]
Filename: "{app}\Volumask.exe"; Description: "Start Volumask"; Flags: nowait postinstall skipifsilent

[Code]
// A folder named by /DIR may be another program's: only an older Volumask is replaced.
function IsOurs: Boolean;
begin
  Result := FileExists(ExpandConstant('{app}\Volumask.exe'));
end;

// The bundle tests itself where it was put; what is wrong is said now and not at the first click.
procedure CurStepChanged(CurStep: TSetupStep);
var
  Status: Integer;
begin
  if CurStep <> ssPostInstall then
    exit;
  WizardForm.StatusLabel.Caption := 'Trying whether everything works on this computer...';
  if not Exec(ExpandConstant('{app}\Volumask.exe'), 'self-test', '', SW_HIDE, ewWaitUntilTerminated, Status) then
    Log('The self-test could not be started')
  else begin
    Log(Format('The self-test ended with %d', [Status]));
    if Status <> 0 then
      SuppressibleMsgBox('Volumask is installed, but a part of it does not work on this computer. ' +
        'Open a command prompt and run: "' + ExpandConstant('{app}\volumask.com') + '" self-test', mbInformation, MB_OK, IDOK);
  end;
end;
