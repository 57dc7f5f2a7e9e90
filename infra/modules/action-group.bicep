// Whom alerts tell.

@description('Name of the action group')
param name string

@description('Tags')
param tags object

@description('Address that gets a mail')
param email string

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'tether'
    enabled: true
    emailReceivers: [
      {
        name: 'tether'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

output id string = group.id
